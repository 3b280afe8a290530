using System;
using System.Collections.Generic;
using System.Linq;

namespace Sinter.Ptx.Memory;

/// <summary>Global memory: allocations with unused space between them, so that running past one is seen.</summary>
internal sealed class GlobalMemory
{
    private const ulong Alignment = 256;
    private const ulong Gap = 4096;
    private readonly List<MemoryRegion> _regions = [];
    private ulong _next = AddressSpace.FirstGlobal;
    private MemoryRegion? _last;

    public MemoryRegion Allocate(string name, int length)
    {
        var region = new MemoryRegion(name, _next, length);
        _next = (_next + (ulong)length + Gap + Alignment - 1) / Alignment * Alignment;
        _regions.Add(region);
        return region;
    }

    /// <summary>The allocation that holds an address, or null.</summary>
    public MemoryRegion? Find(ulong address)
    {
        if (_last is { } last && address - last.Start < (ulong)last.Length)
        {
            return last;
        }

        var low = 0;
        var high = _regions.Count - 1;
        while (low <= high)
        {
            var middle = (low + high) / 2;
            var region = _regions[middle];
            if (address < region.Start)
            {
                high = middle - 1;
            }
            else if (address - region.Start >= (ulong)Math.Max(1, region.Length))
            {
                low = middle + 1;
            }
            else
            {
                _last = region;
                return region;
            }
        }

        return null;
    }

    /// <summary>Says where an address lies with respect to the nearest allocation below it.</summary>
    public string Describe(ulong address)
    {
        var below = _regions.LastOrDefault(region => region.Start <= address);
        return below is null
            ? "it lies below every allocation"
            : $"it lies {address - below.Start - (ulong)below.Length} bytes past the end of '{below.Name}' ({below.Length} bytes)";
    }

    public void Free(MemoryRegion region)
    {
        _regions.Remove(region);
        _last = null;
    }
}
