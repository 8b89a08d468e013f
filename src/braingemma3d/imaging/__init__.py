"""From a scan file to an oriented, masked :class:`~braingemma3d.imaging.volume.Volume`, and back to the scan's grid."""
