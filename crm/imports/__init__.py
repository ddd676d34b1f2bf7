"""Customers from files: reading a file of any usual form, and storing it row by row, each once.

opening.py      a file and what it is: CSV, Excel, JSON         encodings.py csv_file.py ...
columns.py      which column is which field: by hand, as last time, by a guess
reading.py      cells -> values, or why not
matching.py     who is there already
storing.py      a piece of rows, one transaction
jobs.py         how far a file has come; its rows, its rejected cells
"""
