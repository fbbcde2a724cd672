"""The GraphQL face: the schema, who may call what, and the engine that runs documents."""
