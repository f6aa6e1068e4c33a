"""Documents as PDFs: the press that prints templates, and the wording that letters share.

What a document says is decided by the service that prints it; how it looks, by the service's templates.
"""
