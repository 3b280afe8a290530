using System;
using ILGPU;

namespace Sinter.Devices;

/// <summary>What a session needs to choose tokens on its device; the kernels are those of <see cref="GreedyKernels"/>.</summary>
internal sealed class DeviceChoice(DeviceLauncher launcher, GreedyKernels kernels, int vocabulary) : IDisposable
{
    private readonly int _parts = (vocabulary + GreedyKernels.PartSize - 1) / GreedyKernels.PartSize;
    private DeviceAllocation<float> _greatest;
    private DeviceAllocation<int> _places;
    private DeviceAllocation<int> _chosen;

    /// <summary>For how many rows there is memory; other memory takes its place where there must be more.</summary>
    public long Rows => _chosen.Owner is null ? 0 : _chosen.View.Length;

    /// <summary>Takes what memory so many rows need. Before a step is queued, since nothing is allocated while one is recorded.</summary>
    public void Provide(int rows)
    {
        if (Rows >= rows) return;
        launcher.Synchronize();
        Dispose();
        _greatest = launcher.Allocate<float>((long)rows * _parts, "the choice of tokens");
        _places = launcher.Allocate<int>((long)rows * _parts, "the choice of tokens");
        _chosen = launcher.Allocate<int>(rows, "the choice of tokens");
    }

    /// <summary>Queues the choice; what is returned holds a token for each row once the stream is through.</summary>
    /// <param name="logits">[rows, vocabulary].</param>
    /// <param name="rows">At least one, and no more than were provided for.</param>
    public ArrayView<int> Choose(ArrayView<float> logits, int rows)
    {
        ArrayView<float> greatest = _greatest.View;
        ArrayView<int> places = _places.View, chosen = _chosen.View;
        kernels.CompareLogits(launcher.Stream, launcher.Groups(_parts, rows, 1, GreedyKernels.Threads), logits, greatest, places, vocabulary);
        kernels.CompareParts(launcher.Stream, launcher.Groups(rows, 1, 1, GreedyKernels.Threads), greatest, places, chosen, _parts);
        return Chosen(rows);
    }

    /// <summary>The tokens of rows that were chosen last.</summary>
    public ArrayView<int> Chosen(int rows) => _chosen.View.SubView(0, rows);

    public void Dispose()
    {
        _greatest.Owner?.Dispose();
        _places.Owner?.Dispose();
        _chosen.Owner?.Dispose();
    }
}
