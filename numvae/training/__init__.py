"""Training: minibatches, the loop, the optimizers' memory, history, files, progress.

    minibatches     which examples make up a step, and the random stream that belongs to it
    optimizers      the owners of Adam's, Adagrad's and SGD's memory
    loop            the training loop: one epoch is ten lines
    history         what every epoch measured, and `history.csv`
    checkpoint      a model as one `.npz` file
    progress        one line that tells how long it will take

Nothing in here knows which likelihood is trained. Read next: minibatches.
"""
