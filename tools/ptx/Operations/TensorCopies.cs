using System;
using Sinter.Ptx.Analysis;
using Sinter.Ptx.Decoding;
using Sinter.Ptx.Execution;
using Sinter.Ptx.Memory;
using Sinter.Ptx.Text;

namespace Sinter.Ptx.Operations;

/// <summary>Tensor copies, both ways (PTX ISA, sections 5.5 and 9.7.9.25.5, "cp.async.bulk.tensor").</summary>
internal static class TensorCopies
{
    public static Execute Decode(Site site, int axes, bool into)
    {
        var tensorOperand = (Address)site.Operand(into ? 1 : 0);
        var map = site.At(tensorOperand);
        var shared = site.At(into ? 0 : 1);
        var at = into ? site.At(2) : default;
        var coordinates = new int[axes];
        if (tensorOperand.Coordinates?.Elements.Count != axes)
        {
            throw site.Error($"a {axes}d copy has {axes} coordinates.");
        }

        for (var i = 0; i < axes; i++)
        {
            coordinates[i] = site.In(tensorOperand.Coordinates.Elements[i], DataType.U32);
        }

        return LaneLoops.Each((warp, lane) =>
        {
            var address = Mbarriers.Shared(warp.Read(shared.Base, lane) + shared.Offset);
            if (Map(warp, lane, warp.Read(map.Base, lane) + map.Offset, map.Space) is not { } tensor || !BlockMemory.Aligned(warp, lane, address, 128))
            {
                return;
            }

            var start = new int[axes];
            for (var i = 0; i < axes; i++)
            {
                start[i] = (int)(uint)warp.Read(coordinates[i], lane);
            }

            if (tensor.Sizes.Length != axes)
            {
                warp.Report(FindingKind.InvalidOperand, lane, null, $"the tensor map has {tensor.Sizes.Length} axes, the copy {axes}.");
            }
            else if (!into)
            {
                Move(warp, lane, tensor, start, address, into, warp.Block.BulkCopies.Start(warp, lane, asyncProxy: true));
            }
            else if (Mbarriers.Find(warp, lane, warp.Read(at.Base, lane) + at.Offset) is { } barrier)
            {
                Move(warp, lane, tensor, start, address, into, Copies.Access(warp, lane, barrier));
                barrier.Came(tensor.BoxBytes);
            }
        });
    }

    /// <summary>Swizzling exchanges address bits 4 to 6 with bits 7 to 9 by exclusive or.</summary>
    public static ulong Swizzle(ulong address, TensorSwizzle swizzle)
        => address ^ ((address >> 3) & (((1UL << (int)swizzle) - 1) << 4));

    private static TensorMap? Map(Warp warp, int lane, ulong address, Space? named)
    {
        var space = named ?? Space.Generic;
        if (!warp.Block.Memory.Locate(warp, lane, ref space, ref address, 128, out var region, out var offset) || !BlockMemory.Aligned(warp, lane, address, 64))
        {
            return null;
        }

        var map = TensorMap.Read(region.Bytes.Slice((int)offset, 128));
        if (map is null)
        {
            warp.Report(FindingKind.InvalidOperand, lane, address, "there is no tensor map at this address.");
        }

        return map;
    }

    /// <summary>Copies a box in pieces of 16 bytes, which swizzling keeps together. What lies outside the tensor is zero, or not written.</summary>
    private static void Move(Warp warp, int lane, TensorMap map, int[] start, ulong address, bool into, in Access access)
    {
        var memory = warp.Block.Memory;
        var space = Space.Shared;
        if (!memory.Locate(warp, lane, ref space, ref address, map.BoxBytes, out var shared, out _))
        {
            return;
        }

        var lineBytes = map.Box[0] * map.ElementBytes;
        for (var done = 0; done < map.BoxBytes; done += 16)
        {
            var (line, column) = (done / lineBytes, done % lineBytes);
            var first = start[0] + (column / map.ElementBytes);
            var inside = true;
            var global = map.Address;
            for (var axis = 1; axis < start.Length; axis++)
            {
                var index = start[axis] + (line % map.Box[axis]);
                line /= map.Box[axis];
                inside &= (uint)index < (uint)map.Sizes[axis];
                global += (ulong)(index * map.Strides[axis - 1]);
            }

            var place = (long)(Swizzle(address + (ulong)done, map.Swizzle) - shared.Start);
            memory.Note(warp, lane, place, 16, write: into, access);
            if (!into && !shared.IsWritten(place, 16))
            {
                warp.Report(FindingKind.UninitialisedMemory, lane, (ulong)place + shared.Start, "the copy reads shared memory that nothing wrote.");
            }

            for (var i = 0; i < 16; i += map.ElementBytes)
            {
                var element = first + (i / map.ElementBytes);
                var there = inside && (uint)element < (uint)map.Sizes[0];
                var from = global + (ulong)((long)element * map.ElementBytes);
                if (into)
                {
                    shared.Store(place + i, map.ElementBytes, there ? memory.Load(warp, lane, Space.Global, from, map.ElementBytes) : 0);
                }
                else if (there)
                {
                    memory.Store(warp, lane, Space.Global, from, map.ElementBytes, shared.Load(place + i, map.ElementBytes));
                }
            }
        }

        memory.Brought();
    }
}
