using System;
using System.Globalization;
using System.Runtime.Intrinsics;
using Sinter.Bench;
using Sinter.Runtime.Numerics;

const string usage = """
    usage: dotnet run -c Release --project tools/bench -- kernels [--threads N]

      kernels      contractions as the compiler prints them, beside the multiply-adds that the machine does and the
                   bytes that it reads with the same threads in the same run
      --threads N  how many threads work together (default: 1)

    Programs of other makers are compared by tools/bench/peers.sh, a checkpoint by `sinter bench`.
    """;

if (args is not ["kernels", .. { } options])
{
    Console.Error.WriteLine(usage);
    return 2;
}

int threads = 1;
if (options is ["--threads", { } number] && int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out int count) && count > 0) threads = count;
else if (options.Length > 0)
{
    Console.Error.WriteLine(usage);
    return 2;
}

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
if (Vector512.IsHardwareAccelerated) KernelBenchmark<Lanes512>.Run(threads);
else if (Vector256.IsHardwareAccelerated) KernelBenchmark<Lanes256>.Run(threads);
else KernelBenchmark<Lanes128>.Run(threads);
return 0;
