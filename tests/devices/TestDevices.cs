using System;
using System.Collections.Generic;
using System.Threading;
using Xunit;

namespace Sinter.Devices.Tests;

/// <summary>The devices that all tests share, one a kind.</summary>
internal static class TestDevices
{
    private static readonly Dictionary<DeviceKind, Device> s_open = [];
    private static readonly Lock s_lock = new();
    private static readonly Lazy<DeviceReport> s_openCL = new(() => Device.Find(DeviceKind.OpenCL));

    /// <summary>Why there is no OpenCL device; null where there is one.</summary>
    public static string? NoOpenCL => s_openCL.Value.Trouble is { } trouble ? $"No OpenCL device: {trouble} tools/opencl runs these tests on PoCL." : null;

    public static Device Open(DeviceKind kind)
    {
        lock (s_lock)
        {
            if (!s_open.TryGetValue(kind, out Device? device)) s_open.Add(kind, device = Device.Open(kind));
            return device;
        }
    }
}

/// <summary>A test on an OpenCL device, left out visibly where there is none.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class OpenCLFactAttribute : FactAttribute
{
    public OpenCLFactAttribute() => Skip = TestDevices.NoOpenCL;
}

/// <inheritdoc cref="OpenCLFactAttribute"/>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class OpenCLTheoryAttribute : TheoryAttribute
{
    public OpenCLTheoryAttribute() => Skip = TestDevices.NoOpenCL;
}
