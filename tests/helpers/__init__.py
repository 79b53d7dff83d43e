"""What tests need again and again and no fixture can hold."""
