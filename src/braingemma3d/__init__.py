"""BrainGemma3D: radiology reports from native 3D brain MRI."""
