using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Ptx.Decoding;
using Sinter.Ptx.Execution;
using Sinter.Ptx.Memory;

namespace Sinter.Ptx.Operations;

/// <summary>
/// Warp-wide matrix products and the loads of their fragments (PTX ISA, section 9.7.14, "Warp Level Matrix
/// Instructions"). A product is summed in double and rounded once; hardware may keep fewer bits.
/// </summary>
internal static class MatrixProducts
{
    public static Dictionary<string, Decode> Table { get; } = new()
    {
        ["mma"] = Multiply,
        ["ldmatrix"] = LoadFragments,
    };

    /// <summary>The value of one element of a register that packs elements of a type.</summary>
    public static double Element(ulong register, int index, DataType type)
    {
        var bits = register >> (index * type.Bits) & type.Mask;
        return type.IsFloat ? type.Format!.Decode((uint)bits) : type.IsSigned ? type.SignExtend(bits) : bits;
    }

    /// <summary>
    /// Row and column (for B, column and row) of an element of an operand: lane/4 walks rows, lane%4 columns; odd
    /// registers of A are 8 rows lower, and later ones half the columns to the right (figures of section 9.7.14.5).
    /// </summary>
    public static (int Row, int Column) Place(int lane, int register, int element, int perRegister, bool isA)
    {
        var row = (lane / 4) + (isA && register % 2 == 1 ? 8 : 0);
        var half = isA ? register / 2 : register;
        return (row, (half * 4 * perRegister) + (lane % 4 * perRegister) + element);
    }

    private static Execute Multiply(Site site)
    {
        site.Take("sync");
        site.Take("aligned");
        site.Convergence = Convergence.Warp;
        var shape = site.TakeAny("m16n8k16", "m16n8k32") ?? throw site.Error($"{site.Instruction.Opcode} is not supported yet.");
        var depth = int.Parse(shape[6..], null);
        site.Take("row");
        site.Take("col");
        var saturates = site.Take("satfinite");
        var (result, left, right, addend) = (site.TakeType(), site.TakeType(), site.TakeType(), site.TakeType());
        RequireProven(site, depth, result, left, right, addend);
        var perRegister = 32 / left.Bits;
        var half = result.Bits == 16;
        var accumulator = DataType.B32;
        var d = site.OutAll(0, accumulator, half ? 2 : 4);
        var a = site.InAll(1, DataType.B32, 16 * depth / perRegister / 32);
        var b = site.InAll(2, DataType.B32, 8 * depth / perRegister / 32);
        var c = site.InAll(3, accumulator, half ? 2 : 4);
        return (warp, active) =>
        {
            Require(warp, active, a, b, c);
            var rows = new double[16, depth];
            var columns = new double[8, depth];
            for (var lane = 0; lane < Warp.Lanes; lane++)
            {
                Spread(warp, lane, a, left, perRegister, rows, isA: true);
                Spread(warp, lane, b, right, perRegister, columns, isA: false);
            }

            for (var lane = 0; lane < Warp.Lanes; lane++)
            {
                for (var i = 0; i < 4; i++)
                {
                    var (row, column) = ((lane / 4) + (i / 2 * 8), (lane % 4 * 2) + (i % 2));
                    var before = warp.Register(c[half ? i / 2 : i])[lane] >> (half ? i % 2 * 16 : 0);
                    var sum = addend.IsFloat ? addend.Format!.Decode((uint)(before & addend.Mask)) : addend.SignExtend(before);
                    for (var k = 0; k < depth; k++)
                    {
                        sum += rows[row, k] * columns[column, k];
                    }

                    var bits = result.IsFloat ? result.Format!.Encode(sum) : (uint)(int)(saturates ? Math.Clamp(sum, int.MinValue, int.MaxValue) : (double)(int)(long)sum);
                    Results[(lane * 4) + i] = bits;
                }
            }

            Scatter(warp, active, d, half);
        };
    }

    /// <summary>Only the products that a test compares with float64.</summary>
    private static void RequireProven(Site site, int depth, DataType result, DataType left, DataType right, DataType addend)
    {
        var known = left.Name == right.Name && result == DataType.F32 && addend == DataType.F32
            && (depth, left.Name) is (16, "bf16") or (16, "f16") or (32, "e4m3");
        if (!known)
        {
            throw site.Error($"{site.Instruction.Opcode} is not supported yet.");
        }
    }

    [ThreadStatic]
    private static uint[]? s_scratch;

    private static uint[] Results => s_scratch ??= new uint[4 * Warp.Lanes];

    private static void Scatter(Warp warp, uint active, int[] d, bool half)
    {
        for (var i = 0; i < d.Length; i++)
        {
            var register = warp.Register(d[i]);
            for (var lane = 0; lane < Warp.Lanes; lane++)
            {
                register[lane] = half
                    ? Results[(lane * 4) + (2 * i)] | (Results[(lane * 4) + (2 * i) + 1] << 16)
                    : Results[(lane * 4) + i];
            }

            warp.Define(d[i], active);
        }
    }

    private static void Spread(Warp warp, int lane, int[] registers, DataType type, int perRegister, double[,] into, bool isA)
    {
        for (var register = 0; register < registers.Length; register++)
        {
            var value = warp.Register(registers[register])[lane];
            for (var element = 0; element < perRegister; element++)
            {
                var (row, column) = Place(lane, register, element, perRegister, isA);
                into[row, column] = Element(value, element, type);
            }
        }
    }

    private static void Require(Warp warp, uint active, params int[][] registers)
    {
        foreach (var register in registers.SelectMany(all => all))
        {
            warp.Require(register, active);
        }
    }

    /// <summary>Lanes 8i to 8i+7 give the row addresses of matrix i; lane l gets elements 2(l%4) and the next of row l/4.</summary>
    private static Execute LoadFragments(Site site)
    {
        site.Take("sync");
        site.Take("aligned");
        site.Convergence = Convergence.Warp;
        site.TakeOne("m8n8");
        var count = site.TakeOne("x1", "x2", "x4")[1] - '0';
        var transposed = site.Take("trans");
        Movement.TakeSpace(site);
        site.TakeType();
        var at = site.At(1);
        var registers = site.OutAll(0, DataType.B32, count);
        return (warp, active) =>
        {
            for (var matrix = 0; matrix < count; matrix++)
            {
                var register = registers[matrix];
                for (var lane = 0; lane < Warp.Lanes; lane++)
                {
                    var value = 0UL;
                    for (var element = 0; element < 2; element++)
                    {
                        var (row, column) = (lane / 4, (lane % 4 * 2) + element);
                        (row, column) = transposed ? (column, row) : (row, column);
                        var from = warp.Read(at.Base, (8 * matrix) + row) + at.Offset;
                        if (!BlockMemory.Aligned(warp, (8 * matrix) + row, from, 16))
                        {
                            continue;
                        }

                        var address = (AddressSpace.Resolve(from) is (Space.Shared, var inside) ? inside : from) + (ulong)(2 * column);
                        value |= warp.Block.Memory.Load(warp, lane, Space.Shared, address, 2) << (16 * element);
                    }

                    warp.Write(register, lane, value);
                }
            }
        };
    }
}
