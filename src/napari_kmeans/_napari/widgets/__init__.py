"""The dock: its form, table and menu."""
