"""The configuration: `schema` says what there is, `load` reads it, `errors` tells what is wrong, `watch` sees changes."""
