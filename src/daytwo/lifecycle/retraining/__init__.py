"""When retraining pays (`retrain`), the `challengers` that tell, and the past under another policy (`replay`)."""
