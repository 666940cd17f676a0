"""The backward pass in a browser: numbers one can drag, gradients one can take apart.

    touch    the fragment of HTML, put together from backward.js and the touch files beside it

Read next: touch.
"""
