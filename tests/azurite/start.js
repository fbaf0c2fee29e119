// Starts the blob service of Azurite. It ends with whoever started it, however that ends: its standard input closes then.
process.stdin.resume().on('end', () => process.exit());
require('azurite/dist/src/blob/main');
