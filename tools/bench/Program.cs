using System;
using System.Globalization;
using System.Runtime.Intrinsics;
using Sinter.Bench;
using Sinter.Command.Measuring;
using Sinter.Runtime.Numerics;

const string usage = """
    usage: dotnet run -c Release --project tools/bench -- kernels|limits [--threads N]

      kernels      contractions as the compiler prints them, beside the multiply-adds that the machine does and the
                   bytes that it reads with the same threads in the same run
      limits       only what the machine does: operations a second of multiply-adds and bytes a second read, as JSON
      --threads N  how many threads work together (default: 1)

    Programs of other makers are compared by tools/bench/peers.sh, a checkpoint by `sinter bench`.
    """;

if (args is not ["kernels" or "limits", .. { } options])
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
if (Vector512.IsHardwareAccelerated) Run<Lanes512>();
else if (Vector256.IsHardwareAccelerated) Run<Lanes256>();
else Run<Lanes128>();
return 0;

void Run<V>()
    where V : struct, ILanes<V>
{
    if (args[0] == "kernels")
    {
        KernelBenchmark<V>.Run(threads);
        return;
    }

    MachineLimits limits = MachineLimits.Measure(threads);
    Console.WriteLine($$"""{"threads": {{threads}}, "multiply_adds": {{limits.FlopsPerSecond:e4}}, "read": {{limits.BytesPerSecond:e4}}}""");
}
