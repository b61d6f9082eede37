"""World memory: a pretrained recurrent memory of one world, over a real classifier's probabilities.

photographs    photographs of each class, in parts without a picture in common
degradations   photographs as cameras take them: small, at night, out of focus, in motion, hidden
bank           a classifier's probabilities of each photograph in each degradation
streams        simulated programmes in which every shot shows one photograph
network        the recurrent network, its file and its training
method         the smoothing method
"""
