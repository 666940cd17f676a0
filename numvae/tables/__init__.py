"""Tables as people have them: named columns of numbers, texts and dates, with missing values.

    cells       which cells of text are numbers, dates or nothing
    columns     what each column is for a model: a number, a count, a category; and back
    frames      data frames of pandas and polars

Read next: columns.
"""
