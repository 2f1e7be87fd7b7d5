"""The run store: finished work as plain files, read as typed records."""
