using ILGPU;

namespace Sinter.Devices;

/// <summary>How kernels widen stored numbers: a type parameter, so that each format has its own compiled kernel.</summary>
/// <remarks>With integer arithmetic only: ILGPU has no such types, and not every device keeps numbers below the normal range.</remarks>
public interface IDeviceFormat
{
    /// <summary>The number at an element of a tensor, scaled.</summary>
    float At(DeviceWeight weight, int element);

    /// <summary>The number at an index along a stored row, scaled.</summary>
    float InLine(DeviceWeight weight, WeightLine line, int index);
}

/// <inheritdoc/>
public struct DeviceF32 : IDeviceFormat
{
    public readonly float At(DeviceWeight weight, int element) => weight.Data.Cast<float>()[element];

    public readonly float InLine(DeviceWeight weight, WeightLine line, int index) => At(weight, line.Element + index);
}

/// <summary>The upper half of an f32.</summary>
public struct DeviceBF16 : IDeviceFormat
{
    public readonly float At(DeviceWeight weight, int element) => Interop.IntAsFloat((uint)weight.Data.Cast<ushort>()[element] << 16);

    public readonly float InLine(DeviceWeight weight, WeightLine line, int index) => At(weight, line.Element + index);
}

/// <summary>IEEE's 16 bits: 5 of exponent, 10 of mantissa.</summary>
public struct DeviceF16 : IDeviceFormat
{
    public readonly float At(DeviceWeight weight, int element)
    {
        uint code = weight.Data.Cast<ushort>()[element];
        uint exponent = (code >> 10) & 0x1f, mantissa = code & 0x3ff;
        float size = exponent == 0
            ? mantissa * (1f / (1 << 24))
            : Interop.IntAsFloat(exponent == 0x1f ? 0x7f800000 | (mantissa << 13) : ((code & 0x7fff) << 13) + (112u << 23));
        return (code & 0x8000) != 0 ? -size : size;
    }

    public readonly float InLine(DeviceWeight weight, WeightLine line, int index) => At(weight, line.Element + index);
}

/// <summary>4 bits of exponent, 3 of mantissa, no infinities; one scale a block of 128 × 128 (DeepSeek-V3 report, 3.3.2).</summary>
public struct DeviceE4M3 : IDeviceFormat
{
    public readonly float At(DeviceWeight weight, int element)
    {
        int row = element / weight.Columns, column = element - row * weight.Columns;
        float scale = weight.Scales[row / DeviceWeight.ScaleBlock * weight.ScaleColumns + column / DeviceWeight.ScaleBlock];
        return Widen(weight.Data[element]) * scale;
    }

    public readonly float InLine(DeviceWeight weight, WeightLine line, int index) =>
        Widen(weight.Data[line.Element + index]) * weight.Scales[line.Scale + (line.Column + index) / DeviceWeight.ScaleBlock];

    private static float Widen(uint code)
    {
        uint exponent = (code >> 3) & 0xf, rest = code & 0x7f;
        float size = exponent == 0 ? (code & 7) * (1f / 512)
            : Interop.IntAsFloat(rest == 0x7f ? 0x7fc00000 : (rest << 20) + (120u << 23));
        return (code & 0x80) != 0 ? -size : size;
    }
}
