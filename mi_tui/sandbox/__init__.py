"""The sandbox: a local Azure, met over HTTPS only. It shares nothing with its clients but `model.names`."""
