using System;
using System.Linq;
using Sinter.Cuda.Driver;
using Sinter.CudaTrial;
using Sinter.Devices.Cuda;

if (args.Except(["--check"]).Any())
{
    Console.Error.WriteLine("usage: cuda-trial [--check]: runs the CUDA kernels on this machine's first GPU; with --check only for their results, not for time.");
    return 1;
}

try
{
    using var device = new CudaDevice();
    return TrialRun.Run(device, !args.Contains("--check"), Console.Out) == 0 ? 0 : 1;
}
catch (CudaException fault)
{
    Console.Error.WriteLine(fault.Message);
    return 1;
}
