using System;
using System.Reflection;
using ILGPU;
using ILGPU.Runtime;
using Sinter.Devices.Cuda.Kernels;
using Sinter.Runtime.Weights;

namespace Sinter.Devices;

/// <summary>Loads kernels for a device and launches them, allocates its memory and copies. All of it is ordered by one stream.</summary>
public abstract unsafe class DeviceLauncher : IDisposable
{
    /// <summary>As users call the device.</summary>
    public abstract string Name { get; }

    /// <summary>All of the device's memory.</summary>
    public abstract long MemoryBytes { get; }

    /// <summary>Whether programs launch kernels with NVIDIA's tensor cores, which round activations to BF16.</summary>
    public bool HasTensorCores { get; internal set; }

    /// <summary>Of a GPU with tensor cores, such as 90; else 0.</summary>
    internal int Architecture { get; private protected init; }

    /// <summary>How many blocks such a GPU has place for at least.</summary>
    internal int Multiprocessors { get; private protected init; }

    /// <summary>What ILGPU's launches need; other launchers have a stream of their own.</summary>
    public AcceleratorStream Stream { get; protected init; } = null!;

    /// <summary>Launches so far, those in a graph among them.</summary>
    public long Launches { get; private protected set; }

    /// <summary>A kernel ready to be launched.</summary>
    /// <typeparam name="T">Action of stream, configuration and the kernel's parameters.</typeparam>
    public abstract T Load<T>(MethodInfo kernel)
        where T : Delegate;

    /// <inheritdoc cref="Load{T}(MethodInfo)"/>
    public T Load<T>(Delegate kernel)
        where T : Delegate
    {
        ArgumentNullException.ThrowIfNull(kernel);
        return Load<T>(kernel.Method);
    }

    /// <summary>A kernel on tensor cores with one of their loops.</summary>
    /// <param name="kernel">With any of them.</param>
    public T Load<T>(TensorLoop loop, Delegate kernel)
        where T : Delegate
    {
        ArgumentNullException.ThrowIfNull(loop);
        ArgumentNullException.ThrowIfNull(kernel);
        return Load<T>(loop.In(kernel.Method));
    }

    /// <summary>The kernel for weights of a format, of those that there are for each.</summary>
    public T Load<T>(WeightFormat format, Delegate f32, Delegate bf16, Delegate f16, Delegate e4m3)
        where T : Delegate => Load<T>(format switch
        {
            WeightFormat.F32 => f32,
            WeightFormat.BF16 => bf16,
            WeightFormat.F16 => f16,
            _ => e4m3,
        });

    /// <summary>A launch of x · y · z groups of some threads each.</summary>
    public KernelConfig Groups(int x, int y, int z, int threads)
    {
        Launches++;
        return new KernelConfig(new Index3D(x, y, z), new Index3D(threads, 1, 1));
    }

    /// <summary>How a product of many rows is launched on tensor cores; null where the device or the weights' types do not allow it.</summary>
    /// <param name="experts">Among whom the rows are divided; else 0.</param>
    public TensorTiles? Tiles(in ProductSize size, int rows, int experts, in DeviceWeight weight, in DeviceWeight second) =>
        HasTensorCores ? TensorLoop.Choose(Architecture, Multiprocessors, size, rows, experts, weight, second) : null;

    /// <summary>A launch of such blocks.</summary>
    public KernelConfig Groups(in TensorTiles tiles) => Groups(tiles.X, tiles.Y, 1, tiles.Loop.Threads);

    public abstract void Dispose();

    /// <exception cref="Sinter.Runtime.SinterException">The device has too little.</exception>
    /// <param name="purpose">What it is for, as in «not enough memory for …».</param>
    internal abstract DeviceAllocation<T> Allocate<T>(long count, string purpose)
        where T : unmanaged;

    /// <summary>Copies to the device; the memory that it comes from must stay where it is until <see cref="Synchronize"/>.</summary>
    internal abstract void Send<T>(T* from, ArrayView<T> to)
        where T : unmanaged;

    /// <summary>Copies a large piece to the device; when this returns, the memory that it comes from may change.</summary>
    internal virtual void SendLarge<T>(T* from, ArrayView<T> to)
        where T : unmanaged => Send(from, to);

    /// <summary>Copies from the device, after all that was launched before; there when <see cref="Synchronize"/> returns.</summary>
    internal abstract void Receive<T>(ArrayView<T> from, T* to)
        where T : unmanaged;

    internal abstract void Copy<T>(ArrayView<T> from, ArrayView<T> to)
        where T : unmanaged;

    /// <summary>Makes the device the one that calls of this thread mean.</summary>
    internal virtual void Enter()
    {
    }

    /// <summary>Gives up what was kept for steps of a session that ends.</summary>
    internal virtual void Forget(object owner)
    {
    }

    /// <summary>Waits for all that was queued.</summary>
    internal abstract void Synchronize();

    /// <summary>Queues a step whose launches are always the same: by a graph of them where the device has such, else one by one.</summary>
    /// <param name="key">Steps with the same key have the same launches.</param>
    internal virtual void Queue(in StepKey key, DeviceProgram program, DevicePass pass) => program.Run(pass, key.IsPrediction);
}

/// <summary>Memory of a device.</summary>
internal readonly record struct DeviceAllocation<T>(ArrayView<T> View, IDisposable Owner)
    where T : unmanaged;

/// <summary>What a step's launches depend on where its attention runs absorbed: their sizes are numbers of rows.</summary>
/// <param name="Owner">The session, since launches hold addresses.</param>
/// <param name="Logits">How many numbers the buffer of logits has, which may be replaced by a larger one.</param>
/// <param name="Choices">How many rows the memory of the choice has, which may be replaced as well; 0 where the logits are wanted.</param>
internal readonly record struct StepKey(object Owner, bool IsPrediction, int Tokens, int Sequences, int LongestCount, int LogitRows, long Logits, long Choices);
