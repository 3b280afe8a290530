using System;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Sinter.Runtime.Training.Ranks;

/// <summary>
/// The processes that Open MPI's mpirun started. The library is opened only where mpirun did: without it a process is alone
/// and nothing is loaded.
/// </summary>
public sealed unsafe class OpenMpi : ICommunicator
{
    /// <summary>All calls come from one thread, though others exist: MPI_THREAD_FUNNELED.</summary>
    private const int Funneled = 1;

    /// <summary>How mpirun says to its processes how many they are.</summary>
    private const string SizeVariable = "OMPI_COMM_WORLD_SIZE", LocalSizeVariable = "OMPI_COMM_WORLD_LOCAL_SIZE";

    /// <summary>The same of MPICH and its relatives, whose handles are other numbers.</summary>
    private const string OtherSizeVariable = "PMI_SIZE";

    // Open MPI has the same binary interface from 1.10 to 5.
    private static readonly string[] s_names = ["libmpi.so.40", "libmpi.so.12", "libmpi.so", "libmpi.40.dylib", "libmpi.dylib"];

    private readonly void* _world;
    private readonly void* _byte;
    private readonly delegate* unmanaged<void*, int, void*, void*, int, void*, void*, int> _exchange;
    private readonly delegate* unmanaged<void*, int, void*, int, void*, int> _broadcast;
    private readonly delegate* unmanaged<int> _finish;

    private OpenMpi(nint library, string name)
    {
        try
        {
            var start = (delegate* unmanaged<void*, void*, int, int*, int>)NativeLibrary.GetExport(library, "MPI_Init_thread");
            var rankOf = (delegate* unmanaged<void*, int*, int>)NativeLibrary.GetExport(library, "MPI_Comm_rank");
            var sizeOf = (delegate* unmanaged<void*, int*, int>)NativeLibrary.GetExport(library, "MPI_Comm_size");
            _world = (void*)NativeLibrary.GetExport(library, "ompi_mpi_comm_world");
            _byte = (void*)NativeLibrary.GetExport(library, "ompi_mpi_byte");
            _exchange = (delegate* unmanaged<void*, int, void*, void*, int, void*, void*, int>)NativeLibrary.GetExport(library, "MPI_Alltoall");
            _broadcast = (delegate* unmanaged<void*, int, void*, int, void*, int>)NativeLibrary.GetExport(library, "MPI_Bcast");
            _finish = (delegate* unmanaged<int>)NativeLibrary.GetExport(library, "MPI_Finalize");
            int provided, rank, size;
            Require(start(null, null, Funneled, &provided), "MPI_Init_thread");
            if (provided < Funneled) throw new SinterException($"{name} was built without threads, and training has some; install an Open MPI with them.");
            Require(rankOf(_world, &rank), "MPI_Comm_rank");
            Require(sizeOf(_world, &size), "MPI_Comm_size");
            (Rank, Size) = (rank, size);
        }
        catch (EntryPointNotFoundException fault)
        {
            throw new SinterException($"{name} is not Open MPI's library ({fault.Message.TrimEnd('.')}); install Open MPI (Debian: libopenmpi-dev), or start without mpirun.", fault);
        }
    }

    public int Rank { get; }

    public int Size { get; }

    /// <summary>The processes that were started together with this one; <see cref="OneProcess.Alone"/> where mpirun started none.</summary>
    /// <exception cref="SinterException">There are several, and the library through which they speak is not there.</exception>
    public static ICommunicator Open()
    {
        int size = Number(SizeVariable);
        if (size <= 1)
        {
            if (Number(OtherSizeVariable) is > 1 and int others)
                throw new SinterException($"{others} processes were started by an mpirun that is not Open MPI's; start them with Open MPI's (Debian: openmpi-bin), or one without mpirun.");
            return OneProcess.Alone;
        }

        foreach (string name in s_names)
            if (NativeLibrary.TryLoad(name, out nint library)) return new OpenMpi(library, name);
        throw new SinterException($"mpirun started {size} processes, but there is no {s_names[0]} through which they speak; install Open MPI (Debian: libopenmpi-dev), or start without mpirun.");
    }

    /// <summary>How many of the processes share this machine; 1 without mpirun.</summary>
    public static int ProcessesHere => Math.Max(1, Number(LocalSizeVariable));

    public void Exchange(ReadOnlySpan<byte> given, Span<byte> taken)
    {
        int block = given.Length / Size;
        fixed (byte* from = given, to = taken) Require(_exchange(from, block, _byte, to, block, _byte, _world), "MPI_Alltoall");
    }

    public void Broadcast(int root, Span<byte> bytes)
    {
        fixed (byte* at = bytes) Require(_broadcast(at, bytes.Length, _byte, root, _world), "MPI_Bcast");
    }

    /// <summary>
    /// Takes leave of the other ranks, who do the same. A process that ends without this makes mpirun end the others, which is
    /// what should happen when one of them cannot go on.
    /// </summary>
    public void Finish() => Require(_finish(), "MPI_Finalize");

    private static void Require(int code, string call)
    {
        if (code != 0) throw new SinterException($"{call} failed with the code {code}: the other processes cannot be reached.");
    }

    private static int Number(string variable) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.Integer, CultureInfo.InvariantCulture, out int number) ? number : 0;
}
