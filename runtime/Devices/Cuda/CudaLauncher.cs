using System;
using System.Collections.Generic;
using System.Linq;
using System.Linq.Expressions;
using System.Reflection;
using System.Text;
using ILGPU;
using ILGPU.Runtime;
using Sinter.Devices.Cuda.Kernels;
using Sinter.Runtime;
using Sinter.Runtime.Checkpoints;

namespace Sinter.Devices.Cuda;

/// <summary>
/// A GPU through NVIDIA's driver itself: kernels are PTX that was printed when the model's assembly was built, or is printed now
/// where it was not. Steps of decoding are recorded as graphs and launched as a whole.
/// </summary>
internal sealed unsafe class CudaLauncher : DeviceLauncher
{
    // A session sees a handful of sizes of steps; who sends ever new ones gets no graphs for the rest.
    private const int MostGraphs = 64;
    private readonly CudaContext _context;
    private readonly DriverTable _driver;
    private readonly CudaStaging _staging;
    private readonly List<nint> _modules = [];
    private readonly List<CudaArguments> _arguments = [];
    private readonly Dictionary<Assembly, PtxLibrary> _libraries = [];
    private readonly Dictionary<StepKey, StepGraph> _graphs = [];
    private KernelPrinter? _printer;

    /// <exception cref="CudaException">The GPU is older than the kernels.</exception>
    public CudaLauncher(CudaContext context)
    {
        (_context, _driver) = (context, context.Driver);
        int oldest = int.Parse(KernelPrinter.OldestTarget.AsSpan("sm_".Length), null);
        if (context.Architecture < oldest)
        {
            throw new CudaException(
                $"{context.Name} is of SM {context.Architecture}, and the kernels have no image for it: they are made for SM {oldest} and newer. Take --device opencl or --device cpu.");
        }

        _staging = new CudaStaging(context);
        HasTensorCores = true;
        (Architecture, Multiprocessors) = (context.Architecture, context.Multiprocessors);
    }

    public override string Name => _context.Name;

    public override long MemoryBytes => _context.MemoryBytes;

    /// <summary>Kernels that were printed now, since no assembly had them.</summary>
    public int Printed { get; private set; }

    public override T Load<T>(MethodInfo kernel)
    {
        string name = KernelPrinter.NameOf(kernel);
        (nint module, nint function) = _context.Load(Encoding.UTF8.GetBytes(TextOf(kernel, name)), name);
        _modules.Add(module);
        int shared = TensorLoop.Of(kernel)?.SharedBytes ?? 0;
        // More than 48 KB must be asked for.
        if (shared > 0) _driver.Check(_driver.FunctionSetAttribute(function, DriverTable.DynamicSharedAttribute, shared), $"{name} cannot have {Wording.Bytes(shared)} of shared memory");
        ParameterExpression[] parameters = [.. typeof(T).GetMethod("Invoke")!.GetParameters().Select(parameter => Expression.Parameter(parameter.ParameterType, parameter.Name))];
        var arguments = new CudaArguments(parameters.Length - 2);
        _arguments.Add(arguments);
        var loaded = new LoadedKernel(this, name, function, KernelPrinter.ThreadsOf(kernel), shared, arguments);
        // Stream and configuration come first.
        IEnumerable<Expression> puts = parameters.Skip(2).Select((parameter, i) =>
            Expression.Call(Expression.Constant(arguments), CudaArguments.PutOf(parameter.Type), Expression.Constant(i), parameter));
        Expression launch = Expression.Call(Expression.Constant(loaded), nameof(LoadedKernel.Launch), null, parameters[1]);
        return Expression.Lambda<T>(Expression.Block([.. puts, launch]), parameters).Compile();
    }

    public override void Dispose()
    {
        foreach (StepGraph graph in _graphs.Values) graph.Dispose(_driver);
        foreach (nint module in _modules) _ = _driver.ModuleUnload(module);
        foreach (CudaArguments arguments in _arguments) arguments.Dispose();
        _staging.Dispose();
        _printer?.Dispose();
    }

    internal override DeviceAllocation<T> Allocate<T>(long count, string purpose)
    {
        ulong address;
        long bytes = count * sizeof(T);
        int result = _driver.MemoryAllocate(&address, (nuint)bytes);
        if (result == DriverTable.OutOfMemory)
        {
            nuint free, all;
            _driver.Check(_driver.MemoryInfo(&free, &all), "the GPU's memory cannot be read");
            throw new SinterException(
                $"There is not enough memory on {Name} for {purpose}: a block of {Wording.Bytes(bytes)} was refused, and {Wording.Bytes((long)free)} of "
                + $"{Wording.Bytes((long)all)} are free; take a smaller model or context, or --device cpu.");
        }

        _driver.Check(result, $"{Wording.Bytes(bytes)} of the GPU's memory cannot be had");
        var memory = new CudaMemory((nint)address, count, sizeof(T));
        return new DeviceAllocation<T>(memory.AsArrayView<T>(0, count), new Freed(_driver, address));
    }

    internal override void Send<T>(T* from, ArrayView<T> to) =>
        _driver.Check(_driver.CopyToDevice((ulong)CudaMemory.AddressOf(to), from, (nuint)(to.Length * sizeof(T)), _context.Stream), "values cannot be copied to the GPU");

    internal override void SendLarge<T>(T* from, ArrayView<T> to) => _staging.Send((byte*)from, (ulong)CudaMemory.AddressOf(to), to.Length * sizeof(T));

    internal override void Receive<T>(ArrayView<T> from, T* to) =>
        _driver.Check(_driver.CopyToHost(to, (ulong)CudaMemory.AddressOf(from), (nuint)(from.Length * sizeof(T)), _context.Stream), "values cannot be copied from the GPU");

    internal override void Copy<T>(ArrayView<T> from, ArrayView<T> to) =>
        _driver.Check(
            _driver.CopyOnDevice((ulong)CudaMemory.AddressOf(to), (ulong)CudaMemory.AddressOf(from), (nuint)(from.Length * sizeof(T)), _context.Stream),
            "values cannot be copied on the GPU");

    internal override void Synchronize() => _context.Synchronize();

    internal override void Enter() => _context.Enter();

    internal override void Forget(object owner)
    {
        foreach (StepKey key in _graphs.Keys.Where(key => key.Owner == owner).ToList())
        {
            _graphs[key].Dispose(_driver);
            _graphs.Remove(key);
        }
    }

    /// <summary>The first step of a kind runs as it is and loads its kernels; the second is recorded; from then on the graph is launched.</summary>
    internal override void Queue(in StepKey key, DeviceProgram program, DevicePass pass)
    {
        if (_graphs.TryGetValue(key, out StepGraph? graph))
        {
            if (graph.Instance == 0) Record(graph, program, pass, key.IsPrediction);
            else Launches += graph.Launches;
            _driver.Check(_driver.GraphLaunch(graph.Instance, _context.Stream), "a graph cannot be launched");
            return;
        }

        if (_graphs.Count < MostGraphs) _graphs.Add(key, new StepGraph());
        program.Run(pass, key.IsPrediction);
    }

    private void Record(StepGraph graph, DeviceProgram program, DevicePass pass, bool isPrediction)
    {
        nint recorded = 0, instance;
        long before = Launches;
        // Of this thread alone: what others do with the device is no part of it.
        _driver.Check(_driver.StreamBeginCapture(_context.Stream, 1), "launches cannot be recorded");
        try
        {
            program.Run(pass, isPrediction);
        }
        finally
        {
            int result = _driver.StreamEndCapture(_context.Stream, &recorded);
            if (result != 0 || recorded == 0) _driver.Check(result == 0 ? 1 : result, "the recording of launches broke off");
        }

        _driver.Check(_driver.GraphInstantiate(&instance, recorded, 0), "a graph cannot be made of the recorded launches");
        _driver.Check(_driver.GraphDestroy(recorded), "a recording cannot be given back");
        (graph.Instance, graph.Launches) = (instance, Launches - before);
    }

    private string TextOf(MethodInfo kernel, string name)
    {
        Assembly assembly = kernel.Module.Assembly;
        if (!_libraries.TryGetValue(assembly, out PtxLibrary? library)) _libraries.Add(assembly, library = PtxLibrary.Of(assembly));
        if (library.Find(name) is { } text) return text;
        Printed++;
        return (_printer ??= new KernelPrinter()).Print(kernel);
    }

    /// <summary>A kernel in the driver, and where its arguments lie.</summary>
    private sealed class LoadedKernel(CudaLauncher launcher, string name, nint function, int threads, int shared, CudaArguments arguments)
    {
        public void Launch(KernelConfig config)
        {
            Index3D grid = config.GridDim;
            int result = launcher._driver.Launch(function, (uint)grid.X, (uint)grid.Y, (uint)grid.Z, (uint)threads, 1, 1, (uint)shared, launcher._context.Stream, arguments.Places, null);
            if (result != 0) launcher._driver.Check(result, $"{name} cannot be launched with a grid of {grid.X} by {grid.Y} by {grid.Z}");
        }
    }

    private sealed class StepGraph
    {
        /// <summary>0 until it was recorded.</summary>
        public nint Instance { get; set; }

        public long Launches { get; set; }

        public void Dispose(DriverTable driver)
        {
            if (Instance != 0) _ = driver.GraphInstanceDestroy(Instance);
        }
    }

    private sealed class Freed(DriverTable driver, ulong address) : IDisposable
    {
        public void Dispose() => _ = driver.MemoryFree(address);
    }
}
