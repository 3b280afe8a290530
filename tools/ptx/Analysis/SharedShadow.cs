using System;
using System.Collections.Generic;

namespace Sinter.Ptx.Analysis;

/// <summary>Who accesses shared memory: the actor and its clock, the thread whose view counts, and where in the code.</summary>
internal readonly record struct Access(int Actor, uint Clock, int Observer, int Operation, bool Strong = false, bool AsyncProxy = false);

/// <summary>A clash of an access with an earlier one.</summary>
internal readonly record struct Conflict(FindingKind Kind, int Offset, int Actor, int Operation, bool EarlierWrote);

/// <summary>
/// For each byte of shared memory: the last write and the reads since then, each with its clock. An access that has
/// not seen the earlier one is a race (FastTrack, Flanagan and Freund 2009, with reads kept as a list where more than
/// one thread read a byte).
/// </summary>
internal sealed class SharedShadow(HappensBefore order, int length)
{
    private readonly Cell[] _cells = NewCells(length);
    private readonly Dictionary<int, List<Access>> _moreReads = [];

    /// <summary>Notes a read; returns the first conflict among its bytes.</summary>
    public Conflict? Read(int offset, int size, in Access access)
    {
        Conflict? conflict = null;
        for (var i = offset; i < offset + size; i++)
        {
            ref var cell = ref _cells[i];
            conflict ??= Against(cell.Write, i, access, earlierWrote: true);
            if (access.AsyncProxy && conflict is null && cell.Write.Actor >= 0 && !cell.Write.AsyncProxy
                && !order.Fenced(access.Observer, cell.Write.Actor, cell.Write.Clock))
            {
                conflict = new Conflict(FindingKind.MissingProxyFence, i, cell.Write.Actor, cell.Write.Operation, true);
            }

            NoteRead(ref cell, i, access);
        }

        return conflict;
    }

    /// <summary>Notes a write; returns the first conflict among its bytes.</summary>
    public Conflict? Write(int offset, int size, in Access access)
    {
        Conflict? conflict = null;
        for (var i = offset; i < offset + size; i++)
        {
            ref var cell = ref _cells[i];
            conflict ??= Against(cell.Write, i, access, earlierWrote: true) ?? Against(cell.Read, i, access, earlierWrote: false);
            if (cell.HasMoreReads)
            {
                foreach (var read in _moreReads[i])
                {
                    conflict ??= Against(read, i, access, earlierWrote: false);
                }

                _moreReads[i].Clear();
                cell.HasMoreReads = false;
            }

            cell.Write = access;
            cell.Read = None;
        }

        return conflict;
    }

    private static Access None => new(-1, 0, 0, 0);

    private static Cell[] NewCells(int length)
    {
        var cells = new Cell[length];
        Array.Fill(cells, new Cell { Read = None, Write = None });
        return cells;
    }

    private Conflict? Against(in Access earlier, int offset, in Access access, bool earlierWrote)
    {
        if (earlier.Actor < 0
            || earlier.Actor == access.Actor
            || (earlier.Strong && access.Strong)
            || order.Saw(access.Observer, earlier.Actor, earlier.Clock))
        {
            return null;
        }

        var kind = order.IsAgent(earlier.Actor) ? FindingKind.AsyncNotWaited : FindingKind.SharedMemoryRace;
        return new Conflict(kind, offset, earlier.Actor, earlier.Operation, earlierWrote);
    }

    private void NoteRead(ref Cell cell, int offset, in Access access)
    {
        if (cell.Read.Actor < 0
            || (cell.Read.Actor == access.Actor && (cell.Read.Clock == access.Clock || !order.IsAgent(access.Actor)))
            || order.Saw(access.Observer, cell.Read.Actor, cell.Read.Clock))
        {
            cell.Read = access;
            return;
        }

        if (!_moreReads.TryGetValue(offset, out var reads))
        {
            _moreReads[offset] = reads = [];
        }

        cell.HasMoreReads = true;
        if (reads.Count > 0 && reads[^1].Actor == access.Actor)
        {
            reads[^1] = access;
            return;
        }

        if (reads.Count >= 16 && (reads.Count & (reads.Count - 1)) == 0)
        {
            var observer = access.Observer;
            reads.RemoveAll(read => order.Saw(observer, read.Actor, read.Clock));
        }

        reads.Add(access);
    }

    private struct Cell
    {
        public Access Write;
        public Access Read;
        public bool HasMoreReads;
    }
}
