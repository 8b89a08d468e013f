"""Training: the 2D pretraining of ``mini``'s SigLIP on simulated slices; the stages are to come."""
