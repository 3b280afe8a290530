using System;
using System.Reflection;
using System.Runtime.InteropServices;
using ILGPU;

namespace Sinter.Devices.Cuda;

/// <summary>
/// A kernel's arguments as ILGPU's PTX reads them: structures with the fields of their managed ones in order, a view as address
/// and length. Each has a place in memory that stays where it is, since the driver reads it at every launch.
/// </summary>
internal sealed unsafe class CudaArguments : IDisposable
{
    // The step is the largest: 64 bytes. A structure's places begin at multiples of it.
    private const int PlaceBytes = 64;
    private readonly byte* _values;
    private readonly void** _places;

    public CudaArguments(int count)
    {
        _values = (byte*)NativeMemory.AlignedAlloc((nuint)(count * PlaceBytes), PlaceBytes);
        _places = (void**)NativeMemory.Alloc((nuint)(count * sizeof(void*)));
        for (int i = 0; i < count; i++) _places[i] = _values + (i * PlaceBytes);
    }

    public void** Places => _places;

    /// <summary>Which method puts an argument of a type in its place.</summary>
    public static MethodInfo PutOf(Type type) =>
        typeof(CudaArguments).GetMethod(nameof(Put), BindingFlags.Instance | BindingFlags.Public, [typeof(int), type])
        ?? throw new NotSupportedException($"A kernel with a parameter of type {type} cannot be launched.");

    public void Put(int index, int number) => *(int*)_places[index] = number;

    public void Put(int index, ArrayView<float> view) => *(View*)_places[index] = View.Of(view);

    public void Put(int index, ArrayView<int> view) => *(View*)_places[index] = View.Of(view);

    public void Put(int index, DeviceStep step) => *(Step*)_places[index] = new Step
    {
        Tokens = step.Tokens,
        Sequences = step.Sequences,
        LongestCount = step.LongestCount,
        LongestLength = step.LongestLength,
        Positions = View.Of(step.Positions),
        RangeOf = View.Of(step.RangeOf),
        Ranges = View.Of(step.Ranges),
    };

    public void Put(int index, DeviceWeight weight) => *(Weight*)_places[index] = new Weight
    {
        Data = View.Of(weight.Data),
        Scales = View.Of(weight.Scales),
        Columns = weight.Columns,
        ScaleColumns = weight.ScaleColumns,
        Bytes = weight.Bytes,
        ScaleCount = weight.ScaleCount,
        Format = (byte)weight.Format,
        IsOrdinary = weight.IsOrdinary ? (byte)1 : (byte)0,
    };

    public void Put(int index, DeviceCache cache) => *(Cache*)_places[index] = new Cache { Data = View.Of(cache.Data), SlotStride = cache.SlotStride };

    public void Put(int index, DeviceGroups groups) => *(Groups*)_places[index] = new Groups
    {
        Offsets = View.Of(groups.Offsets),
        Pairs = View.Of(groups.Pairs),
        Rank = View.Of(groups.Rank),
        Experts = groups.Experts,
        Chosen = groups.Chosen,
    };

    public void Dispose()
    {
        NativeMemory.AlignedFree(_values);
        NativeMemory.Free(_places);
    }

    /// <summary>The bytes of a parameter of a type, as the PTX declares it.</summary>
    internal static int SizeOf(Type type) =>
        type == typeof(int) ? sizeof(int)
        : type == typeof(DeviceStep) ? sizeof(Step)
        : type == typeof(DeviceWeight) ? sizeof(Weight)
        : type == typeof(DeviceCache) ? sizeof(Cache)
        : type == typeof(DeviceGroups) ? sizeof(Groups)
        : sizeof(View);

    private struct View
    {
        public nint Address;
        public long Length;

        public static View Of<T>(ArrayView<T> view)
            where T : unmanaged => new() { Address = CudaMemory.AddressOf(view), Length = view.Length };
    }

    private struct Step
    {
        public int Tokens;
        public int Sequences;
        public int LongestCount;
        public int LongestLength;
        public View Positions;
        public View RangeOf;
        public View Ranges;
    }

    private struct Weight
    {
        public View Data;
        public View Scales;
        public int Columns;
        public int ScaleColumns;
        public long Bytes;
        public int ScaleCount;
        public byte Format;
        public byte IsOrdinary;
    }

    private struct Cache
    {
        public View Data;
        public long SlotStride;
    }

    private struct Groups
    {
        public View Offsets;
        public View Pairs;
        public View Rank;
        public int Experts;
        public int Chosen;
    }
}
