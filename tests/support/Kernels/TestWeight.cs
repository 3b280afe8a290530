using System;
using Sinter.Runtime.Weights;

namespace Sinter.Tests.Kernels;

/// <summary>A stored matrix of random numbers in some format, and the numbers that it stands for, decoded here on its own account.</summary>
public sealed unsafe class TestWeight
{
    private TestWeight(StoredWeight stored, double[] values) => (Stored, Values) = (stored, values);

    public StoredWeight Stored { get; }

    /// <summary>By element.</summary>
    public double[] Values { get; }

    public static TestWeight Random(GuardedMemory memory, Random random, WeightFormat format, int rows, int columns)
    {
        var values = new double[rows * columns];
        int size = format switch { WeightFormat.F32 => 4, WeightFormat.E4M3 or WeightFormat.Int8 => 1, _ => 2 };
        byte* data = memory.Bytes(values.Length * size);
        int blockRows = format == WeightFormat.Int8 ? 1 : 128, blockColumns = format == WeightFormat.Int8 ? 64 : 128;
        int scaleColumns = (columns + blockColumns - 1) / blockColumns, scaleCount = (rows + blockRows - 1) / blockRows * scaleColumns;
        float* scales = null;
        if (size == 1)
        {
            scales = memory.Floats(scaleCount);
            for (int i = 0; i < scaleCount; i++) scales[i] = 0.002f + random.NextSingle() * 0.004f;
        }

        for (int i = 0; i < values.Length; i++)
        {
            float value = random.NextSingle() * 2 - 1;
            switch (format)
            {
                case WeightFormat.F32:
                    ((float*)data)[i] = value;
                    values[i] = value;
                    break;
                case WeightFormat.BF16:
                    ushort upper = (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16);
                    ((ushort*)data)[i] = upper;
                    values[i] = BitConverter.UInt32BitsToSingle((uint)upper << 16);
                    break;
                case WeightFormat.F16:
                    ((Half*)data)[i] = (Half)value;
                    values[i] = (double)(Half)value;
                    break;
                case WeightFormat.Int8:
                    data[i] = (byte)(sbyte)random.Next(-127, 128);
                    values[i] = (double)(sbyte)data[i] * scales[i / columns * scaleColumns + i % columns / blockColumns];
                    break;
                default:
                    // Every finite code, so the subnormal ones too.
                    int code = random.Next(254);
                    if (code >= 127) code++;
                    data[i] = (byte)code;
                    values[i] = E4M3(data[i]) * scales[i / columns / blockRows * scaleColumns + i % columns / blockColumns];
                    break;
            }
        }

        return new(new() { Data = data, Scales = scales, Columns = columns, ScaleColumns = scales is null ? 0 : scaleColumns, Format = format }, values);
    }

    public static double E4M3(byte code)
    {
        int exponent = (code >> 3) & 15, mantissa = code & 7;
        if (exponent == 15 && mantissa == 7) return double.NaN;
        double magnitude = exponent == 0 ? mantissa * Math.Pow(2, -9) : (8 + mantissa) * Math.Pow(2, exponent - 10);
        return (code & 128) != 0 ? -magnitude : magnitude;
    }
}
