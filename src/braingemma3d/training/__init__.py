"""Training: simulated grids, the 2D pretraining of ``mini``'s SigLIP, contrastive objectives, the one trainer."""
