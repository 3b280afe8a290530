using System;

Console.WriteLine("Benchmarks of the kernels and of the peers: see tools/bench/README.md.");
