"""What other shops' systems say, as Pointbook's own documents. Pure: a payload in, documents out."""
