"""Training: minibatches, the loop, the optimizers' memory, history, files.

    minibatches     which examples make up a step, and the random stream that belongs to it
    optimizers      the memory of Adam's, Adagrad's and SGD
    loop            the training loop
    engine          who trains: one process, or several under MPI that share every step
    watchdog        what to do when a number is no longer finite
    interrupt       Ctrl-C as a request, so that a step is never cut in half
    history         what every epoch measured, and `history.csv`
    checkpoint      a model, or a run in progress, as one `.npz` file

Nothing in here knows which likelihood is trained. Read next: minibatches.
"""
