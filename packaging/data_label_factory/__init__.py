"""The commands of data_label_factory that dlf-identify answers: identify and gather."""
