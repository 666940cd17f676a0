"""What a trained model is worth, in numbers.

latent      points to decode for a picture of the latent space; does it know the factors?
units       bits per dimension
"""
