using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using Sinter.Devices.Cuda;

namespace Sinter.Cuda.Driver;

/// <summary>A loaded kernel.</summary>
public sealed unsafe class CudaFunction
{
    private const int RegistersAttribute = 4;
    private const int LocalBytesAttribute = 3;
    private readonly DriverTable _driver;
    private readonly nint _function;
    private readonly nint _stream;

    internal CudaFunction(DriverTable driver, CudaKernel kernel, nint function, nint stream)
    {
        (_driver, Kernel, _function, _stream) = (driver, kernel, function, stream);
        // More than 48 KB must be asked for.
        if (kernel.SharedBytes > 48 * 1024)
        {
            driver.Check(driver.FunctionSetAttribute(function, DriverTable.DynamicSharedAttribute, kernel.SharedBytes), $"{kernel.Name} cannot have {kernel.SharedBytes} bytes of shared memory");
        }
    }

    public CudaKernel Kernel { get; }

    /// <summary>Registers of a thread, as the driver's own assembler made it.</summary>
    public int Registers => Attribute(RegistersAttribute);

    /// <summary>Bytes of local memory of a thread: 0 where nothing spills.</summary>
    public int LocalBytes => Attribute(LocalBytesAttribute);

    /// <summary>Launches the kernel after what was launched before; does not wait.</summary>
    /// <param name="grid">Blocks along x, y and z.</param>
    /// <param name="arguments">Memory goes as a view (address and number of elements), of bytes or of four bytes each; numbers as they are.</param>
    public void Launch((int X, int Y, int Z) grid, params IReadOnlyList<LaunchArgument> arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        // Each argument has 16 bytes here, and the driver takes as many as the parameter has.
        var values = stackalloc long[2 * arguments.Count];
        var places = stackalloc void*[arguments.Count];
        for (var i = 0; i < arguments.Count; i++)
        {
            (values[2 * i], values[(2 * i) + 1]) = (arguments[i].First, arguments[i].Second);
            places[i] = values + (2 * i);
        }

        _driver.Check(
            _driver.Launch(_function, (uint)grid.X, (uint)grid.Y, (uint)grid.Z, (uint)Kernel.Threads, 1, 1, (uint)Kernel.SharedBytes, _stream, places, null),
            $"{Kernel.Name} cannot be launched with a grid of {grid.X} by {grid.Y} by {grid.Z}");
    }

    private int Attribute(int attribute)
    {
        int value;
        _driver.Check(_driver.FunctionGetAttribute(&value, attribute, _function), $"an attribute of {Kernel.Name} cannot be read");
        return value;
    }
}

/// <summary>What a launch hands to a parameter, in 16 bytes.</summary>
[StructLayout(LayoutKind.Auto)]
public readonly record struct LaunchArgument(long First, long Second)
{
    /// <summary>A view of memory, which is its address and the number of its elements.</summary>
    public static LaunchArgument View(DeviceMemory memory, int elementBytes) => new((long)memory.Address, memory.Bytes / elementBytes);

    public static implicit operator LaunchArgument(int number) => new(number, 0);

    public static implicit operator LaunchArgument(float number) => new(BitConverter.SingleToInt32Bits(number), 0);
}
