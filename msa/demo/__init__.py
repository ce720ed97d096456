"""What is made on the spot: demo data sets and look-alikes. Imports data, formats and base."""
