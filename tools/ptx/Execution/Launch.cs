using System;
using System.Collections.Generic;
using System.Linq;
using System.Numerics;
using Sinter.Ptx.Analysis;
using Sinter.Ptx.Memory;

namespace Sinter.Ptx.Execution;

/// <summary>The sizes of a launch.</summary>
internal readonly record struct LaunchShape(Dimensions Grid, Dimensions Block, int DynamicShared);

/// <summary>One launch of a kernel: its blocks one after the other, what they found and how often each instruction ran.</summary>
internal sealed class Launch
{
    private readonly long[] _warps;
    private readonly long[] _threads;

    public Launch(KernelCode code, LaunchShape shape, GlobalMemory global, MemoryRegion arguments, PtxOptions options)
    {
        Code = code;
        Shape = shape;
        Global = global;
        Arguments = arguments;
        Options = options;
        SharedBytes = Math.Max(0, code.StaticSharedBytes + shape.DynamicShared);
        UsesWgmma = code.Operations.Any(operation => operation.Opcode.StartsWith("wgmma", StringComparison.Ordinal));
        _warps = new long[code.Operations.Count];
        _threads = new long[code.Operations.Count];
    }

    public KernelCode Code { get; }

    public LaunchShape Shape { get; }

    public GlobalMemory Global { get; }

    public MemoryRegion Arguments { get; }

    public PtxOptions Options { get; }

    public FindingLog Log { get; } = new();

    public int SharedBytes { get; }

    public bool UsesWgmma { get; }

    /// <summary>Warp instructions so far.</summary>
    public long Steps { get; private set; }

    /// <summary>Notes that lanes ran an instruction.</summary>
    public void Count(int place, uint lanes)
    {
        Steps++;
        _warps[place]++;
        _threads[place] += BitOperations.PopCount(lanes);
    }

    public LaunchReport Run()
    {
        for (var i = 0L; i < Shape.Grid.Size; i++)
        {
            if (!new Block(this, Shape.Grid.At(i)).Run())
            {
                break;
            }
        }

        var counts = new SortedDictionary<string, InstructionCount>(StringComparer.Ordinal);
        for (var i = 0; i < _warps.Length; i++)
        {
            if (_warps[i] != 0)
            {
                var before = counts.GetValueOrDefault(Code.Operations[i].Opcode);
                counts[Code.Operations[i].Opcode] = new InstructionCount(before.Warps + _warps[i], before.Threads + _threads[i]);
            }
        }

        return new LaunchReport(Code.Name, Log.Findings, counts);
    }
}
