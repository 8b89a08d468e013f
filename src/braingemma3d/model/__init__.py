"""The model, as a Hugging Face trio: configuration, model, processor; and the parts that it is made of."""
