"""Training: one loop, whatever the model. Only `start` depends on the likelihood.

    minibatches     which rows make up a step
    start           where training begins
    optimizers      the memory of Adam, Adagrad and SGD
    loop            `Training`: a run and its loop
    watchdog        stops at a number that is not finite, and names where it began
    history         what each epoch measured, as `history.csv`
    checkpoint      a run or a model as an `.npz` file
    interrupt       Ctrl-C as a request, so that no step is cut in half

Read next: minibatches.
"""
