"""What is wrong with a line before anybody runs it: rules over the documents' own text. Runs nothing, reads no file."""
