"""`python3 -m data_label_factory.identify COMMAND ...` runs dlf-identify."""
