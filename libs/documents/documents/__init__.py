"""Documents as PDFs: the press that prints templates, and the wording that letters share.

The service that prints a document decides its content. The service's templates decide its look.
"""
