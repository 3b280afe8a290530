using System;
using System.Collections.Generic;
using System.Runtime.CompilerServices;
using ILGPU;
using Sinter.Runtime.Execution;

namespace Sinter.Devices;

/// <summary>All of a session's memory on a device but the weights: caches, rotary tables, the step's description and the planned buffers.</summary>
internal sealed unsafe class DeviceMemory : IDisposable
{
    private readonly DeviceLauncher _launcher;
    private readonly ModelDescription _description;
    private readonly SessionSizes _sizes;
    private readonly List<IDisposable> _buffers = [];
    private readonly DeviceCache[] _caches;
    private readonly ArrayView<float> _tokens;
    private readonly ArrayView<float> _positions;

    // Of the tokens' arena: so many that every buffer begins at a multiple of 16 bytes.
    private readonly int _rows;
    private readonly ArrayView<float> _fixed;
    private readonly ArrayView<int> _integers;
    private readonly int[] _staged;
    private readonly SequenceRange[] _stagedRanges;
    private DeviceAllocation<float> _logits;

    public DeviceMemory(DeviceLauncher launcher, ModelDescription description, DeviceWeight[] weights, SessionSizes sizes)
    {
        (_launcher, _description, _sizes, Weights) = (launcher, description, sizes, weights);
        _rows = (sizes.Tokens + 3) / 4 * 4;
        _tokens = Floats(description.TokenBytes / sizeof(float) * _rows);
        _positions = Floats(description.PositionBytes / sizeof(float) * sizes.Keys);
        _fixed = Floats(description.FixedBytes / sizeof(float));
        Hidden = Floats((long)sizes.Tokens * description.HiddenSize);
        PredictHidden = Floats((long)sizes.Tokens * description.HiddenSize);
        FurtherHidden = Floats((long)sizes.Sequences * description.HiddenSize);
        _integers = Take<int>(5L * sizes.Tokens);
        Ranges = Take<SequenceRange>(sizes.Sequences);
        // Pinned: copies may still be under way when the collector moves things.
        _staged = GC.AllocateArray<int>(5 * sizes.Tokens, pinned: true);
        _stagedRanges = GC.AllocateArray<SequenceRange>(sizes.Sequences, pinned: true);
        _caches = MakeCaches();
        Rotaries = MakeRotaries();
        GrowLogits(sizes.Sequences);
    }

    public DeviceWeight[] Weights { get; }

    public ArrayView<float>[] Rotaries { get; }

    public ArrayView<int> TokenIds => Integers(0);

    public ArrayView<int> NextIds => Integers(1);

    public ArrayView<int> Positions => Integers(2);

    public ArrayView<int> RangeOf => Integers(3);

    public ArrayView<int> LogitRows => Integers(4);

    public ArrayView<SequenceRange> Ranges { get; }

    public ArrayView<float> Hidden { get; }

    public ArrayView<float> PredictHidden { get; }

    private ArrayView<float> FurtherHidden { get; }

    public ArrayView<float> Logits => _logits.View;

    public DeviceCache Cache(int layer, int cache) => _caches[layer * _description.Caches.Count + cache];

    public ArrayView<float> TokenBuffer(int offset, int width) => Part(_tokens, offset, width, _rows);

    public ArrayView<float> PositionBuffer(int offset, int width) => Part(_positions, offset, width, _sizes.Keys);

    public ArrayView<float> FixedBuffer(int offset, int width) => _fixed.SubView(offset / sizeof(float), width);

    /// <summary>Sends a step's description to the device.</summary>
    public void Send(ref readonly Pass pass)
    {
        int tokens = pass.Step.Tokens;
        Stage(0, pass.Step.TokenIds, tokens);
        if (pass.Step.NextIds is not null) Stage(1, pass.Step.NextIds, tokens);
        Stage(2, pass.Step.Positions, tokens);
        Stage(3, pass.Step.RangeOf, tokens);
        Stage(4, pass.LogitRows, pass.LogitRowCount);
        // From the first token's number to the last row wanted; what lies between is of no meaning.
        long used = 4L * _sizes.Tokens + pass.LogitRowCount;
        _launcher.Send((int*)Unsafe.AsPointer(ref _staged[0]), _integers.SubView(0, used));
        new ReadOnlySpan<SequenceRange>(pass.Step.Ranges, pass.Step.Sequences).CopyTo(_stagedRanges);
        _launcher.Send((SequenceRange*)Unsafe.AsPointer(ref _stagedRanges[0]), Ranges.SubView(0, pass.Step.Sequences));
        if ((long)pass.LogitRowCount * _description.VocabularySize > Logits.Length) GrowLogits(pass.LogitRowCount);
    }

    /// <summary>Waits for the step and brings what it gives.</summary>
    public void Receive<T>(ArrayView<T> from, T* to, long count)
        where T : unmanaged
    {
        if (count > 0) _launcher.Receive(from.SubView(0, count), to);
        _launcher.Synchronize();
    }

    public void CopyHidden(HiddenRows from, int fromRow, HiddenRows to, int toRow, int rows)
    {
        long width = _description.HiddenSize;
        _launcher.Copy(HiddenBuffer(from).SubView(fromRow * width, rows * width), HiddenBuffer(to).SubView(toRow * width, rows * width));
    }

    public void Show(ITrace trace, string name, int layer, ArrayView<float> data, int rows, int columns)
    {
        var numbers = new float[rows * columns];
        fixed (float* place = numbers)
        {
            // The collector must not move them while the copy is under way.
            _launcher.Receive(data.SubView(0, numbers.Length), place);
            _launcher.Synchronize();
            trace.Numbers(name, layer, place, rows, columns);
        }
    }

    public void Show(ITrace trace, string name, int layer, ArrayView<int> data, int rows, int columns)
    {
        var numbers = new int[rows * columns];
        fixed (int* place = numbers)
        {
            _launcher.Receive(data.SubView(0, numbers.Length), place);
            _launcher.Synchronize();
            trace.Indices(name, layer, place, rows, columns);
        }
    }

    public void Dispose()
    {
        foreach (IDisposable buffer in _buffers) buffer.Dispose();
        _logits.Owner.Dispose();
    }

    private static ArrayView<float> Part(ArrayView<float> arena, int offset, int width, int rows) =>
        arena.SubView((long)offset / sizeof(float) * rows, (long)width * rows);

    private ArrayView<float> HiddenBuffer(HiddenRows rows) => rows switch
    {
        HiddenRows.Main => Hidden,
        HiddenRows.Prediction => PredictHidden,
        _ => FurtherHidden,
    };

    private ArrayView<int> Integers(int row) => _integers.SubView((long)row * _sizes.Tokens, _sizes.Tokens);

    private void Stage(int row, int* numbers, int count) =>
        new ReadOnlySpan<int>(numbers, count).CopyTo(_staged.AsSpan(row * _sizes.Tokens, count));

    private ArrayView<float> Floats(long count) => Take<float>(count);

    private ArrayView<T> Take<T>(long count)
        where T : unmanaged
    {
        DeviceAllocation<T> allocated = _launcher.Allocate<T>(Math.Max(count, 1), "caches and buffers");
        _buffers.Add(allocated.Owner);
        return allocated.View;
    }

    private DeviceCache[] MakeCaches()
    {
        var caches = new DeviceCache[_description.CachedLayers * _description.Caches.Count];
        for (int i = 0; i < caches.Length; i++)
        {
            long stride = (long)_sizes.Capacity * _description.Caches[i % _description.Caches.Count].Width;
            caches[i] = new DeviceCache { Data = Floats(_sizes.Sequences * stride), SlotStride = stride };
        }

        return caches;
    }

    private ArrayView<float>[] MakeRotaries()
    {
        using var tables = new RotaryTables(_description, _sizes.Capacity);
        var views = new ArrayView<float>[_description.Rotaries.Count];
        for (int i = 0; i < views.Length; i++)
        {
            long count = (long)_sizes.Capacity * _description.Rotaries[i].InverseFrequencies.Count * 2;
            views[i] = Floats(count);
            _launcher.Send(tables.Pointers[i], views[i]);
        }

        _launcher.Synchronize();
        return views;
    }

    /// <summary>Decoding wants a row a sequence; only who asks for all rows makes it grow.</summary>
    private void GrowLogits(int rows)
    {
        _launcher.Synchronize();
        _logits.Owner?.Dispose();
        _logits = _launcher.Allocate<float>((long)rows * _description.VocabularySize, "the logits");
    }
}
