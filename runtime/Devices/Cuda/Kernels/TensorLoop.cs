using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using Sinter.Runtime.Weights;

namespace Sinter.Devices.Cuda.Kernels;

/// <summary>What is known of an <see cref="ITensorLoop"/> before it is launched.</summary>
/// <param name="Type">The loop.</param>
/// <param name="Suffix">What the names of its kernels end with.</param>
/// <param name="Target">What its kernels are assembled for, such as sm_80.</param>
/// <param name="Format">Of the weights.</param>
/// <param name="Rows">Of a block.</param>
/// <param name="Columns">Of a block.</param>
/// <param name="Threads">Of a block.</param>
/// <param name="SharedBytes">Of shared memory that a launch asks for, beside what kernels declare.</param>
public sealed record TensorLoop(Type Type, string Suffix, string Target, WeightFormat Format, int Rows, int Columns, int Threads, int SharedBytes)
{
    private const int Hopper = 90;

    /// <summary>Where a GPU can take several, the first is preferred.</summary>
    private static readonly TensorLoop[] s_all =
    [
        new(typeof(WarpgroupProduct), "_BF16_Hopper", "sm_90a", WeightFormat.BF16, WarpgroupProduct.BlockRows, WarpgroupProduct.BlockColumns, WarpgroupProduct.Threads, WarpgroupProduct.SharedBytes),
        new(typeof(WarpgroupBlockScaledProduct), "_E4M3_Hopper", "sm_90a", WeightFormat.E4M3, WarpgroupProduct.BlockRows, WarpgroupProduct.BlockColumns, WarpgroupProduct.Threads, WarpgroupBlockScaledProduct.SharedBytes),
        new(typeof(TensorProduct), "_BF16", KernelPrinter.OldestTarget, WeightFormat.BF16, TensorProduct.BlockRows, TensorProduct.BlockColumns, TensorProduct.Threads, 0),
        new(typeof(BlockScaledProduct), "_E4M3", KernelPrinter.OldestTarget, WeightFormat.E4M3, TensorProduct.BlockRows, TensorProduct.BlockColumns, TensorProduct.Threads, 0),
    ];

    /// <summary>All that there are.</summary>
    public static IReadOnlyList<TensorLoop> All => s_all;

    /// <summary>The number of this one among <see cref="All"/>.</summary>
    public int Index => Array.IndexOf(s_all, this);

    /// <summary>Text for SM 90a is for that architecture alone; all other is for it and newer ones.</summary>
    private bool NeedsHopper => Target == "sm_90a";

    /// <summary>The loop that a kernel has as its type parameter; null where it has none.</summary>
    public static TensorLoop? Of(MethodInfo kernel)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        return kernel.IsGenericMethod ? Array.Find(s_all, loop => loop.Type == kernel.GetGenericArguments()[0]) : null;
    }

    /// <summary>Those that a generic kernel can have: all, or those of weights without scales.</summary>
    internal static IEnumerable<TensorLoop> For(MethodInfo kernel)
    {
        Type[] wanted = kernel.GetGenericArguments()[0].GetGenericParameterConstraints();
        return s_all.Where(loop => wanted.All(type => type.IsAssignableFrom(loop.Type)));
    }

    /// <summary>
    /// How a launch cuts a product into blocks: by the first loop for the weights that the GPU has. The broad blocks of Hopper's are taken
    /// where each multiprocessor gets one.
    /// </summary>
    internal static TensorTiles? Choose(int architecture, int multiprocessors, in ProductSize size, int rows, int experts, in DeviceWeight weight, in DeviceWeight second)
    {
        foreach (TensorLoop loop in s_all)
        {
            if (!loop.Takes(size, weight) || !loop.Takes(size, second) || (loop.NeedsHopper && architecture != Hopper)) continue;
            TensorTiles tiles = loop.Cut(size, rows, experts);
            if (!loop.NeedsHopper || tiles.X * tiles.Y >= multiprocessors) return tiles;
        }

        return null;
    }

    /// <summary>The kernel with this loop in place of another.</summary>
    internal MethodInfo In(MethodInfo kernel) => kernel.GetGenericMethodDefinition().MakeGenericMethod(Type);

    private bool Takes(in ProductSize size, in DeviceWeight weight) =>
        weight.Format == Format && (Format != WeightFormat.E4M3 || (weight.IsOrdinary && weight.Columns == size.ScaledColumns));

    private TensorTiles Cut(in ProductSize size, int rows, int experts)
    {
        int columns = Columns / size.Products;
        int tiles = experts == 0 ? (rows + Rows - 1) / Rows : Math.Min(rows, (rows / Rows) + experts);
        return new TensorTiles(this, (size.Columns + columns - 1) / columns * size.Batch, tiles);
    }
}

/// <summary>What a product on tensor cores is of, known when its kernel is printed.</summary>
/// <param name="Columns">Of the result.</param>
/// <param name="Products">1, or 2 with the same rows and weights of their own.</param>
/// <param name="Batch">How many there are beside each other.</param>
/// <param name="ScaledColumns">Of the stored matrix, if E4M3 weights are found by its blocks of scales; else 0.</param>
public readonly record struct ProductSize(int Columns, int Products, int Batch, int ScaledColumns);

/// <summary>A launch's blocks of a product on tensor cores.</summary>
/// <param name="Loop">What each does.</param>
/// <param name="X">Blocks along the columns.</param>
/// <param name="Y">Blocks along the rows.</param>
public readonly record struct TensorTiles(TensorLoop Loop, int X, int Y);
