using System;

namespace Sinter.Runtime.Execution;

/// <summary>
/// The caches of all layers, f32: each is [slot, position, width]. Room that is not used yet takes no memory, since the
/// system gives pages out when they are first written.
/// </summary>
public sealed unsafe class LatentCache : IDisposable
{
    private readonly Arena _memory;
    private readonly Arena _views;

    /// <param name="description">The model.</param>
    /// <param name="slots">Sequences.</param>
    /// <param name="capacity">Positions a sequence.</param>
    public LatentCache(ModelDescription description, int slots, int capacity)
    {
        _memory = new Arena(BytesFor(description, slots, capacity));
        _views = new Arena((long)description.CachedLayers * description.Caches.Count * sizeof(CacheView));
        byte* at = _memory.Data;
        CacheView* view = Views;
        for (int layer = 0; layer < description.CachedLayers; layer++)
        {
            foreach (CacheDeclaration cache in description.Caches)
            {
                *view++ = new CacheView { Data = (float*)at, SlotStride = (long)capacity * cache.Width };
                at += CacheBytes(cache, slots, capacity);
            }
        }
    }

    /// <summary>[layers, caches a layer].</summary>
    public CacheView* Views => (CacheView*)_views.Data;

    public static long BytesFor(ModelDescription description, int slots, int capacity)
    {
        long bytes = 0;
        foreach (CacheDeclaration cache in description.Caches) bytes += CacheBytes(cache, slots, capacity);
        return bytes * description.CachedLayers;
    }

    public void Dispose()
    {
        _memory.Dispose();
        _views.Dispose();
    }

    private static long CacheBytes(CacheDeclaration cache, int slots, int capacity) =>
        Arena.Align((long)slots * capacity * cache.Width * sizeof(float));
}
