"""The database and the files: engine, migrations, and one small class per stored noun."""
