"""The journal as an idea: envelope, codec, sealed values and tree; bytes in, bytes out."""
