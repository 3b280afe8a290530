using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using Sinter.Ptx.Decoding;
using Sinter.Ptx.Execution;
using Sinter.Ptx.Memory;

namespace Sinter.Ptx;

/// <summary>
/// A device that runs PTX on the CPU: global memory, loaded modules and launches. Blocks run one after the other,
/// the warps of a block in turn. Not safe for use by several threads at once.
/// </summary>
public sealed class PtxDevice(PtxOptions? options = null)
{
    private readonly PtxOptions _options = options ?? new PtxOptions();
    private readonly GlobalMemory _global = new();
    private readonly Dictionary<PtxModule, LoadedModule> _modules = [];

    /// <summary>Allocates bytes whose contents count as not written.</summary>
    public DeviceBuffer Allocate(int bytes, string name = "buffer") => new(_global.Allocate(name, bytes));

    /// <summary>Allocates a buffer that holds values.</summary>
    public DeviceBuffer Allocate<T>(ReadOnlySpan<T> values, string name = "buffer")
        where T : unmanaged
    {
        var buffer = Allocate(MemoryMarshal.AsBytes(values).Length, name);
        buffer.Write(values);
        return buffer;
    }

    /// <inheritdoc cref="Allocate{T}(ReadOnlySpan{T}, string)"/>
    public DeviceBuffer Allocate<T>(T[] values, string name = "buffer")
        where T : unmanaged => Allocate<T>(values.AsSpan(), name);

    /// <summary>Gives a buffer back; a later access to it is out of bounds.</summary>
    public void Free(DeviceBuffer buffer) => _global.Free(buffer.Region);

    /// <summary>Decodes all kernels of a module and places its variables.</summary>
    /// <exception cref="Text.PtxException">An instruction is unknown or its operands do not fit.</exception>
    public void Load(PtxModule module)
    {
        foreach (var entry in module.Entries)
        {
            Loaded(module).Kernel(entry);
        }
    }

    /// <summary>Runs a kernel to its end.</summary>
    /// <param name="module">The module that holds it.</param>
    /// <param name="entry">The kernel's name.</param>
    /// <param name="grid">The number of blocks.</param>
    /// <param name="block">The threads of a block, at most 1024.</param>
    /// <param name="dynamicShared">Bytes of dynamic shared memory.</param>
    /// <param name="arguments">A value for each parameter: buffers, numbers, <see cref="TensorMap"/>s, or the bytes of a struct.</param>
    /// <returns>Findings and counts. A kernel with findings may have left wrong results.</returns>
    /// <exception cref="ArgumentException">There is no such kernel, or the arguments or sizes do not fit it.</exception>
    /// <exception cref="Text.PtxException">An instruction is unknown or its operands do not fit.</exception>
    public LaunchReport Launch(
        PtxModule module, string entry, Dimensions grid, Dimensions block, int dynamicShared, params object[] arguments)
    {
        var code = Loaded(module).Kernel(entry);
        CheckShape(code, grid, block, dynamicShared);
        var bytes = KernelArguments.Lay(code, arguments);
        var shape = new LaunchShape(grid, block, dynamicShared);
        return new Launch(code, shape, _global, bytes, _options).Run();
    }

    private LoadedModule Loaded(PtxModule module)
    {
        if (!_modules.TryGetValue(module, out var loaded))
        {
            _modules[module] = loaded = new LoadedModule(module.Syntax, _global);
        }

        return loaded;
    }

    private void CheckShape(KernelCode code, Dimensions grid, Dimensions block, int dynamicShared)
    {
        if (grid.X < 1 || grid.Y < 1 || grid.Z < 1 || block.X < 1 || block.Y < 1 || block.Z < 1 || block.Size > 1024)
        {
            throw new ArgumentException($"'{code.Name}' cannot run with grid ({grid}) and block ({block}): sizes start at 1, and a block has at most 1024 threads.");
        }

        if (code.RequiredBlock is { } required && required != block)
        {
            throw new ArgumentException($"'{code.Name}' needs a block of ({required}) by its .reqntid, not ({block}).");
        }

        if (block.Size > code.MostThreads)
        {
            throw new ArgumentException($"'{code.Name}' allows {code.MostThreads} threads a block by its .maxntid, not {block.Size}.");
        }

        var shared = code.StaticSharedBytes + dynamicShared;
        if (dynamicShared < 0 || shared > _options.MostShared)
        {
            throw new ArgumentException($"'{code.Name}' would use {shared} bytes of shared memory; a block has at most {_options.MostShared}.");
        }
    }
}
