using System;
using System.Runtime.InteropServices;
using Sinter.Ptx.Memory;

namespace Sinter.Ptx.Execution;

/// <summary>Lays a launch's arguments out as its parameters are declared.</summary>
internal static class KernelArguments
{
    public static MemoryRegion Lay(KernelCode code, object[] arguments)
    {
        if (arguments.Length != code.Parameters.Count)
        {
            throw new ArgumentException($"'{code.Name}' has {code.Parameters.Count} parameters, but {arguments.Length} arguments were given.");
        }

        var region = new MemoryRegion("the kernel's parameters", 0, code.ParameterBytes);
        for (var i = 0; i < arguments.Length; i++)
        {
            var parameter = code.Parameters[i];
            var bytes = Bytes(arguments[i]);
            if (bytes.Length != parameter.Size)
            {
                throw new ArgumentException($"parameter '{parameter.Name}' of '{code.Name}' takes {parameter.Size} bytes, but its argument has {bytes.Length}.");
            }

            bytes.CopyTo(region.Bytes[parameter.Offset..]);
            region.MarkWritten(parameter.Offset, bytes.Length);
        }

        return region;
    }

    private static byte[] Bytes(object argument) => argument switch
    {
        DeviceBuffer buffer => BitConverter.GetBytes(buffer.Address),
        TensorMap map => map.Encode(),
        int value => BitConverter.GetBytes(value),
        uint value => BitConverter.GetBytes(value),
        long value => BitConverter.GetBytes(value),
        ulong value => BitConverter.GetBytes(value),
        short value => BitConverter.GetBytes(value),
        ushort value => BitConverter.GetBytes(value),
        float value => BitConverter.GetBytes(value),
        double value => BitConverter.GetBytes(value),
        Half value => BitConverter.GetBytes(value),
        byte value => [value],
        sbyte value => [(byte)value],
        byte[] value => value,
        ValueType value => Blit(value),
        _ => throw new ArgumentException($"an argument of type {argument.GetType()} cannot be given to a kernel."),
    };

    private static byte[] Blit(ValueType value)
    {
        var bytes = new byte[Marshal.SizeOf(value)];
        var handle = GCHandle.Alloc(bytes, GCHandleType.Pinned);
        try
        {
            Marshal.StructureToPtr(value, handle.AddrOfPinnedObject(), false);
            return bytes;
        }
        finally
        {
            handle.Free();
        }
    }
}
