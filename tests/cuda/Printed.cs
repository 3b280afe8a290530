using System.Collections.Concurrent;
using Sinter.Ptx;

namespace Sinter.Cuda.Tests;

/// <summary>The kernels' PTX, printed once.</summary>
internal static class Printed
{
    private static readonly ConcurrentDictionary<string, string> s_texts = new();

    public static string Text(CudaKernel kernel) => s_texts.GetOrAdd(kernel.Name, _ => kernel.Print());

    public static byte[] View(DeviceBuffer buffer, int length)
        => [.. System.BitConverter.GetBytes(buffer.Address), .. System.BitConverter.GetBytes((long)length)];
}
