"""What the first release makes, an area each: its tables, their indexes, who may do what with them."""
